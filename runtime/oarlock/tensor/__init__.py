"""The torch-side Tensor: what it is made of, one subject a file."""

from oarlock.tensor.core import Tensor, like, plain, plain_all, view_of, wrap
from oarlock.tensor.inplace import before, commit
from oarlock.tensor.members import install as _install
from oarlock.tensor.operators import install as _install_operators

__all__ = ["Tensor", "before", "commit", "like", "plain", "plain_all", "view_of", "wrap"]

_install_operators()
_install()
