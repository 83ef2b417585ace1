"""The kit that an adapter must pass: `eltflow.testing.contract` are the cases, `eltflow.testing.bench` is what they work with.

It needs pytest (`pip install 'eltflow[testing]'`). See docs/how-to/write-an-adapter.md.
"""

import pytest

pytest.register_assert_rewrite("eltflow.testing.contract")
