"""What a picture shows: faces, landmarks, parts and all that is read off them. Each module is a stage."""

__all__: list[str] = []
