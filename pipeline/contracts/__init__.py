"""The events that enter, leave and run through Freezeline: types, codec, schemas and examples."""
