"""The kinds of network: a new one is a function in keras_layers.py and a row here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What the program knows about a kind of network.

    title: in reports and figures. phrase: in sentences. build: the function of keras_layers.py with its layers.
    steps_at_once: of all sequences predicted together on a core, which limits the memory; the LSTM's arrays, if small,
    stay in the processor's caches. sees_ahead: whether look_ahead has an effect, as it reads a record step by step.
    has_units: whether hidden_size and num_layers determine its size. closed_form: fitted by least squares, without
    epochs, and symmetric by itself if trained on mirrored records.
    """

    title: str
    phrase: str
    build: str
    steps_at_once: int
    sees_ahead: bool = False
    has_units: bool = True
    closed_form: bool = False


KINDS = {
    "lstm": Kind("LSTM", "an LSTM", "lstm", 2**16, sees_ahead=True),
    "gru": Kind("GRU", "a GRU", "gru", 2**18, sees_ahead=True),
    "transformer": Kind("Transformer", "a transformer", "transformer", 2**17),
    "linear": Kind("Linear", "a linear filter", "linear_filter", 2**18, has_units=False, closed_form=True),
}
