/**
 * No attack: looks at a point as it is, so that the driver judges it.
 *
 * @module
 */
import type { Tensor4D } from "../backend.ts";
import type { Attack } from "./attack.ts";

/** An attack whose steps evaluate the point where it began, and go nowhere. */
export const look = (p: number): Attack<{ point: Tensor4D }> => ({
  name: "look",
  graph: `look, p ${p}`,
  p,
  stopsWhenFound: false,
  start: (_, { point }) => ({ point }),
  step(state, _, oracle) {
    oracle.logits(state.point);
    return state;
  },
});
