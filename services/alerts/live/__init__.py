"""The live stream: what happens to alerts, as it happens, resumable without loss."""
