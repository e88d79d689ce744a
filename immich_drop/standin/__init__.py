"""A stand-in for Immich: the demo delivers photos to it, the tests make it misbehave.

To an uploader it looks like Immich 1.106 to 3.2: it imitates the version it is configured as, down
to the error messages. In the product, only the demo imports it.

    server     starts, stops, goes down and comes back
    handler    one request from headers to answer, and the faults that strike it
    sender     writes an answer to the connection
    routes     every endpoint and who may call it
    uploads, assets, albums, tags, links, accounts    the endpoints
    sidecars   reads the description in an XMP sidecar
    calls      a request as an endpoint sees it, and authentication
    forms      validates the fields of a request as this version does
    bodies     reads JSON into memory, and streams an upload's file to disk
    multipart  a streaming form-data parser
    faults     what goes wrong, when and how often
    library    the users, assets and albums, and the folder that keeps them
    rows       the records in the library
    wire       what differs between versions
    control    inspects it and makes it misbehave from another process
"""

from immich_drop.standin.faults import Fault, Kind
from immich_drop.standin.rows import Album, Asset, Key, Link, User
from immich_drop.standin.server import Exchange, StandIn
from immich_drop.standin.wire import Wire

__all__ = ["Album", "Asset", "Exchange", "Fault", "Key", "Kind", "Link", "StandIn", "User", "Wire"]
