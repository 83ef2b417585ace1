"""Measures eltflow beside its peers, the bare engine and bare Python, on generated projects of any size."""
