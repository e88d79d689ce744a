"""Endpoints about tags."""

from immich_drop.standin.calls import Answer, Call
from immich_drop.standin.forms import read_ids, read_list
from immich_drop.standin.rows import Tag, stamp
from immich_drop.standin.wire import Refusal


def upsert_tags(call: Call) -> Answer:
    """PUT /tags: create each tag and its parents unless they exist."""
    return Answer(
        200, [tag_json(_upsert(call, str(each))) for each in read_list(call.body, "tags")]
    )


def _upsert(call: Call, value: str) -> Tag:
    tags = call.library.tags.values()
    found = next((each for each in tags if (each.owner, each.value) == (call.owner, value)), None)
    if found:
        return found
    above = value.rpartition("/")[0]
    tag = Tag(owner=call.owner, value=value, parent=_upsert(call, above).id if above else None)
    call.library.save(tag)
    return tag


def tag_one(call: Call) -> Answer:
    """PUT /tags/{id}/assets."""
    tag = call.library.tags.get(call.path[0])
    if tag is None:
        raise Refusal(400, "Not found or no tag.asset access")
    ids = read_ids(call.body)
    results = [
        {"id": each, "success": True}
        if each not in tag.assets
        else {"id": each, "success": False, "error": "duplicate"}
        for each in ids
    ]
    _attach(call, tag, ids)
    return Answer(200, results)


def tag_many(call: Call) -> Answer:
    """PUT /tags/assets."""
    ids = read_ids(call.body, "assetIds")
    tags = [call.library.tags[each] for each in read_ids(call.body, "tagIds")]
    return Answer(200, {"count": sum(_attach(call, tag, ids) for tag in tags)})


def _attach(call: Call, tag: Tag, ids: list[str]) -> int:
    fresh = [each for each in ids if each in call.library.assets and each not in tag.assets]
    tag.assets += fresh
    call.library.save(tag)
    return len(fresh)


def tag_json(tag: Tag) -> dict[str, object]:
    """Describe a tag."""
    date = stamp(tag.created_at)
    return {
        "id": tag.id,
        "parentId": tag.parent,
        "name": tag.value.rpartition("/")[2],
        "value": tag.value,
        "createdAt": date,
        "updatedAt": date,
    }
