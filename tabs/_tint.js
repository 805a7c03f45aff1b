// A token's tint by its probability; the style has a colour for each level.
const LEVELS = [0.2, 0.05, 0.01]; // probabilities at which it changes

/** The blanks before a token, which stay outside of the tint, where a line may break; and the token. */
function tinted(text, p) {
  const level = LEVELS.findIndex((limit) => p >= limit);
  const space = text.trim() ? text.match(/^\s*/)[0] : "";
  return [space, make("span", `token p${level < 0 ? LEVELS.length : level}`, text.slice(space.length))];
}
