from dataclasses import dataclass


@dataclass
class DetectorConfig:
    width: int = 16
    levels: int = 3
    num_classes: int = 5
    head_depth: int = 1
    activation: str = "relu"
