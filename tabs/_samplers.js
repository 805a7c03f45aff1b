// The samplers of playground/text/sampling.py once more, on the logits of one place: pure functions, float32 where
// those are float32, so that both find the same token. Knows nothing of the page.
const f32 = Math.fround;
const SAMPLERS = ["repetition_penalty", "temperature", "top_k", "top_p", "min_p"]; // in their order

/** Ids, likeliest first; equals in the order of their ids. */
function byScore(scores) {
  return Uint32Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
}

/** Scores after the repetition penalty: tokens that stand in the text already lose. */
function penalised(logits, seen, penalty) {
  const scores = Float32Array.from(logits);
  if (penalty <= 1) return scores;
  for (const id of seen) scores[id] = scores[id] < 0 ? scores[id] * f32(penalty) : scores[id] / f32(penalty);
  return scores;
}

/** What each token weighs beside the likeliest, float64. */
function weigh(scores, most) {
  return Float64Array.from(scores, (score) => Math.exp(f32(score - most)));
}

function shares(weights) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/**
 * The distribution as the model gives it and after each sampler, in order.
 *
 * @param {Float32Array} logits of every token id
 * @param {number[]} seen ids that stand in the text
 * @param {object} knobs by the names of the recipe
 * @returns {{name: string, on: boolean, shares: Float64Array}[]} "model" and then one per sampler; `on` tells whether
 *   its knob does anything
 */
function stages(logits, seen, knobs) {
  const found = [];
  const add = (name, on, weights) => found.push({ name, on, shares: on ? shares(weights) : found.at(-1).shares });
  const highest = (scores) => scores.reduce((most, score) => (score > most ? score : most), -Infinity);
  add("model", true, weigh(logits, highest(logits)));

  let scores = penalised(logits, seen, knobs.repetition_penalty);
  add("repetition_penalty", knobs.repetition_penalty > 1, weigh(scores, highest(scores)));

  const greedy = knobs.temperature === 0;
  const order = byScore(scores);
  const heat = greedy ? 1 : f32(knobs.temperature);
  scores = scores.map((score) => score / heat);
  let weights = weigh(scores, scores[order[0]]);
  if (greedy) weights = weights.map((_, id) => Number(id === order[0]));
  add("temperature", knobs.temperature !== 1, weights);

  const least = scores[order[Math.min(knobs.top_k || order.length, order.length) - 1]];
  weights = weights.map((weight, id) => (scores[id] >= least ? weight : 0)); // all that are as likely as the last one
  add("top_k", !greedy && knobs.top_k > 0, weights);

  if (knobs.top_p < 1) {
    const reach = f32(knobs.top_p) * order.reduce((sum, id) => sum + weights[id], 0);
    let sum = 0;
    const kept = weights.map(() => 0);
    for (const id of order) {
      if (sum >= reach && sum > 0) break;
      kept[id] = weights[id];
      sum += weights[id];
    }
    weights = kept;
  }
  add("top_p", !greedy && knobs.top_p < 1, weights);

  weights = weights.map((weight) => (weight >= f32(knobs.min_p) ? weight : 0));
  add("min_p", !greedy && knobs.min_p > 0, weights);
  return found;
}

/** Inverse CDF over the ids in ascending order: the token on which the random number u, 0 … 1, falls. */
function pick(shares, u) {
  const total = shares.reduce((sum, share) => sum + share, 0);
  let sum = 0;
  let last = 0;
  for (let id = 0; id < shares.length; id++) {
    if (!shares[id]) continue;
    sum += shares[id];
    if (sum > u * total) return id;
    last = id;
  }
  return last;
}
