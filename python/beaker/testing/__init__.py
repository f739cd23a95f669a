"""The laws of sessions and caches, as tests for whoever writes a backend.

A test class that derives from :class:`StoreLaws` inherits every law; its fixture ``backend`` gives the
:class:`Backend` under test::

    class TestMyBackend(StoreLaws):
        lacks = {"names", "down", "lifetime", "sweep"}

        @pytest.fixture
        def backend(self):
            return Backend({"namespace_class": MyNamespaceManager})

It needs pytest: ``pip install beaker-rs[testing]``. ``pytest -p beaker.testing.plugin`` prints how many
laws each backend was held to.
"""

try:
    import pytest
except ImportError as cause:
    raise ImportError("beaker.testing needs pytest: pip install beaker-rs[testing]") from cause

# Before they are imported: a law that fails then says what it has found.
pytest.register_assert_rewrite("beaker.testing._laws")

from beaker.testing._backend import LACKING, Backend  # noqa: E402
from beaker.testing._suite import StoreLaws  # noqa: E402

__all__ = ["LACKING", "Backend", "StoreLaws"]
