"""Values: scenarios, findings, results and evidence. Nothing here does I/O."""
