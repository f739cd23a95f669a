"""Web sessions and caches for WSGI applications.

A drop-in replacement for Beaker: the same import names, options, cookies and stored files.
The native module ``beaker._core`` does the work. Applications import the other modules of this package.
"""

from beaker._core import __version__

__all__ = ["__version__"]
