"""weightproof: claims about the mechanism inside a small trained network, proved for every input or refuted.

    import weightproof as wp
    m = wp.load("examples/max4_s123.safetensors")
    r = wp.verify("claim right { count t in tokens[4] of 0..63 : argmax(logits(M, t)[last]) == max(t) prove fraction >= 0.999 }", {"M": m})
    r.raise_if_not_proved()

Every verdict is what the independent checker, which is part of the package, accepted.
"""
import os
from typing import Any, Dict, Optional, Union

from ._errors import ClaimsError, ModelError, NotProved, WeightproofError
from ._library import library as _library
from ._model import Enclosure, Model, from_state_dict, from_transformer_lens, load
from ._results import Claim, Results, Verdict
from ._verify import verify

__version__ = _library.weightproof_version().decode()


def info(model: Union[Model, str, os.PathLike], **settings: Union[str, int, float, bool]) -> Dict[str, Any]:
    """What was read, inferred and assumed about a model file, as a dictionary (the JSON of `weightproof info`)."""
    return (model if isinstance(model, Model) else load(model, **settings)).info


def run(model: Union[Model, str, os.PathLike], inputs: Any, node: Optional[str] = None, semantics: str = "real") -> Enclosure:
    """Certified enclosure of a node on one input or a batch: run("m.pt", [3, 1, 4, 1], "blocks.0.hook_resid_post"). See Model.run."""
    return (model if isinstance(model, Model) else load(model)).run(inputs, node, semantics)


__all__ = ["ClaimsError", "Claim", "Enclosure", "Model", "ModelError", "NotProved", "Results", "Verdict", "WeightproofError", "from_state_dict",
           "from_transformer_lens", "info", "load", "run", "verify"]
