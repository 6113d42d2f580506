"""The stepper: a run under the hands. `controller.py` is plain Python, `widget.py` and `stepper.js` are its face."""
