"""The part of the Immich HTTP API that we use.

credentials   who we are: an API key or a shared link
client        one method per call; hides the differences between Immich's versions
facts         records made from Immich's answers
lookup        which files Immich already has
batch         joins many lookups into one request
exchange      short requests with JSON answers
post          the streamed upload; its answer is read while the body is sent
outlet        where a thread writes that body
multipart     the form-data around the file
answers       what statuses, error messages and JSON shapes mean
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
