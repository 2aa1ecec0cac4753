/**
 * Sums of products, and small dense systems of linear equations.
 *
 * @module
 */

/** A factored matrix: solves systems with it and with its transpose. */
export interface Factored {
  /** x with A x = b. */
  solve(b: Float64Array): Float64Array;
  /** x with A^T x = b. */
  solveTransposed(b: Float64Array): Float64Array;
}

/**
 * Factors a square matrix by elimination with row exchanges.
 *
 * @param matrix `size` x `size`, row by row; overwritten.
 * @returns `null` if the matrix is singular to rounding.
 */
export function factor(matrix: Float64Array, size: number): Factored | null {
  const order = Array.from({ length: size }, (_, i) => i);
  for (let k = 0; k < size; k++) {
    let pivot = k;
    for (let i = k + 1; i < size; i++) {
      if (Math.abs(matrix[i * size + k]!) > Math.abs(matrix[pivot * size + k]!)) pivot = i;
    }
    if (!(Math.abs(matrix[pivot * size + k]!) > 1e-11)) return null;
    if (pivot !== k) {
      [order[k], order[pivot]] = [order[pivot]!, order[k]!];
      for (let j = 0; j < size; j++) {
        const kept = matrix[k * size + j]!;
        matrix[k * size + j] = matrix[pivot * size + j]!;
        matrix[pivot * size + j] = kept;
      }
    }
    for (let i = k + 1; i < size; i++) {
      const share = matrix[i * size + k]! / matrix[k * size + k]!;
      matrix[i * size + k] = share;
      if (share === 0) continue;
      for (let j = k + 1; j < size; j++) matrix[i * size + j]! -= share * matrix[k * size + j]!;
    }
  }
  const at = (i: number, j: number) => matrix[i * size + j]!;
  return {
    solve(b) {
      const x = new Float64Array(size);
      for (let i = 0; i < size; i++) {
        let sum = b[order[i]!]!;
        for (let j = 0; j < i; j++) sum -= at(i, j) * x[j]!;
        x[i] = sum;
      }
      for (let i = size - 1; i >= 0; i--) {
        let sum = x[i]!;
        for (let j = i + 1; j < size; j++) sum -= at(i, j) * x[j]!;
        x[i] = sum / at(i, i);
      }
      return x;
    },
    solveTransposed(b) {
      const y = Float64Array.from(b);
      for (let i = 0; i < size; i++) {
        let sum = y[i]!;
        for (let j = 0; j < i; j++) sum -= at(j, i) * y[j]!;
        y[i] = sum / at(i, i);
      }
      for (let i = size - 1; i >= 0; i--) {
        let sum = y[i]!;
        for (let j = i + 1; j < size; j++) sum -= at(j, i) * y[j]!;
        y[i] = sum;
      }
      const x = new Float64Array(size);
      for (let i = 0; i < size; i++) x[order[i]!] = y[i]!;
      return x;
    },
  };
}

/** Sum of the products of values. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Adds a multiple of a row to a sum. */
export function addTo(sum: Float64Array, row: Float64Array, factor: number): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += factor * row[i]!;
}
