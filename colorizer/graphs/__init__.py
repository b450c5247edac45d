"""Networks as ONNX graphs, whose weights stay in model.safetensors: exported, checked and run by ONNX Runtime."""
