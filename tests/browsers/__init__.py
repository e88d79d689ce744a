"""The page in browsers Playwright has no Debian package for."""
