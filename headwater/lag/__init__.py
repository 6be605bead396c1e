"""How far a table is behind its sources: along the watermark, and hop by hop."""
