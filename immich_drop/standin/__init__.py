"""A stand-in Immich: for the demo a place where photos land, for the tests one that misbehaves.

It answers like Immich 1.106 to 3.2 as far as an uploader can see, in the words of the version it is
told to be. Nothing of the product but the demo imports it.

    server     starts, stops, goes down and comes back
    handler    one request from headers to answer, and the faults on its way
    sender     how an answer gets onto the wire
    routes     every endpoint and who may call it
    uploads, assets, albums, tags, links, accounts    the endpoints; sidecars: what one says
    calls      a request as an endpoint sees it, and who may ask
    forms      are the fields of a request what this version takes
    bodies     JSON into memory, an upload's file to disk as it comes
    multipart  form-data as a stream
    faults     what goes wrong, when and how often
    library    what it holds, and the folder where it lasts; rows: of what
    wire       what differs between versions
    control    looking at it and making it misbehave from another process
"""

from immich_drop.standin.faults import Fault, Kind
from immich_drop.standin.rows import Album, Asset, Key, Link, User
from immich_drop.standin.server import Exchange, StandIn
from immich_drop.standin.wire import Wire

__all__ = ["Album", "Asset", "Exchange", "Fault", "Key", "Kind", "Link", "StandIn", "User", "Wire"]
