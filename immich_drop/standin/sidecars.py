"""Reads what Immich's jobs take from an XMP sidecar: the description."""

from xml.etree import ElementTree as ET

_PATH = ".//{http://purl.org/dc/elements/1.1/}description//{*}li"


def description(sidecar: bytes) -> str:
    """Return the `dc:description` of a sidecar, or "" if it has none or is not XMP."""
    try:
        return ET.fromstring(sidecar).findtext(_PATH, "")
    except ET.ParseError:
        return ""
