// Which of BFCL's 200 multi-turn-base tasks are held out: `stratifiedHalf` with seed 0 on release 2026.3.23, kept as data
// so that every run, whatever its seed, and every later release has the same 100. The other 100 are for training.

const numbers = [
  0, 1, 5, 6, 13, 17, 18, 20, 21, 24, 26, 29, 33, 34, 35, 36, 37, 38, 40, 42, 45, 46, 48, 49, 50, 51, 52, 56, 57, 58,
  59, 60, 64, 67, 69, 70, 72, 73, 75, 76, 77, 82, 84, 87, 88, 89, 92, 94, 98, 103, 104, 107, 110, 111, 115, 117, 121,
  122, 124, 127, 129, 130, 131, 132, 133, 135, 136, 138, 140, 141, 143, 144, 145, 147, 148, 152, 153, 154, 155, 156,
  157, 158, 162, 164, 169, 170, 174, 177, 178, 182, 184, 185, 187, 188, 189, 191, 193, 196, 197, 199,
];

export const bfclHeldOut: readonly string[] = numbers.map((number) => `multi_turn_base_${number}`);
