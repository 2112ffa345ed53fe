# Writes its input in capitals. Knows nothing of a control plane.
echo "to the log" >&2
tr a-z A-Z
