// A small line without axes. Purely visual: its numbers stand in the text beside it.
export const path = (values) => {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return "";
  const high = Math.max(...known), low = Math.min(0, ...known);
  const range = high - low || 1;
  let started = false;
  return values.map((value, place) => {
    if (value === null) { started = false; return ""; }
    const command = started ? "L" : "M";
    started = true;
    return `${command}${((place / (values.length - 1)) * 100).toFixed(1)} ${(27 - ((value - low) / range) * 24).toFixed(1)}`;
  }).join("");
};
