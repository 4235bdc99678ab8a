"""Networks at the edge: the zoo, ONNX sessions on a provider, known answers at start-up."""
