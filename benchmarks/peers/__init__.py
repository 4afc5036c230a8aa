"""The chain from payment to alert in other stream processors, beside Freezeline's own."""
