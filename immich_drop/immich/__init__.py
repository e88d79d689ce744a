"""The Immich HTTP API, as much of it as we use.

credentials   who we are: an API key or a shared link
client        the calls, by meaning; the versions' differences
facts         what Immich tells, as records
lookup        which files it has
batch         many lookups, one request
exchange      questions and answers in JSON
post          the streamed upload, its answer read meanwhile
multipart     the envelope around the file
answers       what statuses, messages and shapes mean
"""

from immich_drop.immich.client import Immich
from immich_drop.immich.credentials import ApiKey, Credential, ShareKey, ShareSlug
from immich_drop.immich.facts import Account, Found, Sent, SharedLink
from immich_drop.immich.lookup import NOBODYS
from immich_drop.immich.post import Patience

__all__ = [
    "NOBODYS",
    "Account",
    "ApiKey",
    "Credential",
    "Found",
    "Immich",
    "Patience",
    "Sent",
    "ShareKey",
    "ShareSlug",
    "SharedLink",
]
