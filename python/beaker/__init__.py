"""Web sessions for WSGI applications.

A drop-in replacement for the session half of Beaker: the same import names, options, cookies and stored
files. The work is done in the native module ``beaker._core``; the modules of this package are what
applications import.
"""

from beaker._core import __version__

__all__ = ["__version__"]
