/**
 * Values of the notebooks' parameters to try in the browser: for each a legal one and one that can't
 * be meant, as TypeScript. First come those of `.ci/small.json`, so that all cells take seconds.
 *
 * @module
 */

/** Values of one parameter. */
export interface Trial {
  /** Another legal value. */
  other: string;
  /** A value that must be refused. */
  illegal: string;
  /** Other parameters set with it, where it would take long: before the change and after it. */
  small?: Readonly<Record<string, string>>;
}

const seed: Trial = { other: "7", illegal: "0.5" };
const count = (other: number): Trial => ({ other: String(other), illegal: "0" });
const names = (other: string): Trial => ({ other, illegal: '["CNN", "CMM"]' });
const network = (other: string): Trial => ({ other: `"${other}"`, illegal: '"CMM"' });
/** Of notebook 4: what committed tables lack is computed for few images only. */
const small = { networks: '["MLP", "CNN_bn"]', images: "10", seedImages: "10" };

/** By notebook and parameter. */
export const trials: Readonly<Record<string, Readonly<Record<string, Trial>>>> = {
  "01-data": {
    first: { other: "60", illegal: "-1" },
    samples: count(24),
    counted: { other: "20_000", illegal: "60_000" },
    neighbours: { other: "300", illegal: "1" },
  },
  "02-training": {
    networks: names('["MLP_bn", "AlexNet"]'),
    epochs: count(1),
    network: network("MLP"),
    live: network("MLP"),
    liveImages: { other: "1000", illegal: "99" },
    liveEpochs: count(2),
    seed,
  },
  "03-attacks": {
    network: network("MLP"),
    image: { other: "9", illegal: "10_000" },
    attack: { other: '"pgd"', illegal: '"pdg"' },
    p: { other: "Infinity", illegal: "0.5" },
    norm: { other: "0.08", illegal: "-1" },
    learningRate: { other: "0.02", illegal: "0" },
    seed,
    steps: count(40),
    choices: { other: '[1, "class 7"]', illegal: '[0, "class 12"]' },
    sweepImages: count(2),
    sweepSteps: count(7),
    twinImages: { other: "400", illegal: "10" },
    twinEpochs: count(1),
    many: count(15),
    manyNorms: { other: "[2]", illegal: "[2, 3]" },
    passes: { other: "60", illegal: "1" },
    ownImage: { other: '"../out/adversarial.png"', illegal: '"none.png"' },
  },
  "04-min-norms": {
    networks: names('["MLP", "CNN_bn"]'),
    norms: { other: "[1, 2]", illegal: "[2, 3]" },
    epsilons: { other: "{ 0: 9, 1: 2, 2: 0.7, Infinity: 0.05 }", illegal: "{ 2: -1 }" },
    images: count(60),
    attack: { other: '"fmn"', illegal: '"fnm"', small },
    maxPasses: { other: "20", illegal: "1", small },
    seed: { ...seed, small },
    seedImages: count(20),
    shown: network("MLP"),
    shownNorm: { other: "1", illegal: "3" },
    closeUps: count(5),
    livePasses: { other: "60", illegal: "1" },
  },
  "05-resistance": {
    network: network("MLP"),
    resistance: { other: '"resMax"', illegal: '"resMid"' },
    images: { other: "400", illegal: "100" },
    shown: { other: "[5, 12]", illegal: "[10_000]" },
    pathSteps: count(100),
    falseAlarms: { other: "0.1", illegal: "1" },
    trainingSteps: count(60),
    examples: { other: "32", illegal: "1" },
    makers: { other: '["fmn", "pgd"]', illegal: '["fmm"]' },
    budget: { other: "1.5", illegal: "0.5" },
    seed,
  },
  "06-protection": {
    compared: names('["MLP", "MLP+pgd:linf:0.1"]'),
    plain: network("MLP"),
    robust: { other: '"MLP+pgd:linf:0.1"', illegal: '"CNN+pdg:linf:0.1"' },
    budgets: { other: "{ 0: 3, 1: 3, 2: 0.5, Infinity: 0.05 }", illegal: "{ 2: 0 }" },
    wider: { other: "0.15", illegal: "2" },
    live: { other: '"noise:0.5"', illegal: '"pgd:l7:0.1"' },
    liveImages: { other: "400", illegal: "100" },
    liveEpochs: count(3),
    shownImages: { other: "[17, 5100]", illegal: "[10_000]" },
    shownNorm: { other: "Infinity", illegal: "3" },
    seedImages: count(40),
    closeUps: count(7),
    smoothed: count(2),
    timedSteps: count(2),
    defence: { other: '"MLP+pgd:linf:0.1"', illegal: '"CNN+magic"' },
    weapon: { other: '"fmn"', illegal: '"fnm"' },
    weaponNorm: { other: "Infinity", illegal: "3" },
    victims: count(4),
    passes: { other: "80", illegal: "1" },
    seed,
  },
  "08-final": {
    networks: names('["CNN", "MLP", "CNN_d"]'),
    norms: { other: "[2, Infinity]", illegal: "[2, 3]" },
    images: count(15),
    alarms: { other: "0.2", illegal: "1" },
    samples: { other: "800", illegal: "10" },
    seed,
  },
};
