// Tasks of BFCL's multi-turn-base set that nobody can be expected to solve, by id: what is wrong with their reference in
// release 2026.3.23, read there or reported in the tracker of ShishirPatil/gorilla.
// They are played unless a source leaves them out (`bfcl:sound`), and an evaluation tells the rest apart. Profiles that
// compare arguments need the reference's wording; `bfcl_official` may forgive another.

const unsaid = "the reference sends a text that no request says and no function gives";

export const knownBad: Readonly<Record<string, string>> = {
  multi_turn_base_4: `${unsaid} (gorilla#1367)`,
  multi_turn_base_156: unsaid,
  multi_turn_base_165: unsaid,
  multi_turn_base_168: `${unsaid}: the request has one word more`,
  multi_turn_base_169: unsaid,
  multi_turn_base_170: unsaid,
  multi_turn_base_176: `${unsaid}: the request has another year`,
  multi_turn_base_178: unsaid,
  multi_turn_base_179: unsaid,
  multi_turn_base_183: unsaid,
  multi_turn_base_184: "the text to send is quoted so that it can be read in two ways (gorilla#1282)",
  multi_turn_base_186: unsaid,
  multi_turn_base_187: unsaid,
  multi_turn_base_197: unsaid,
  multi_turn_base_198: "reported to need an id that is not in the conversation (gorilla#1267)",
  multi_turn_base_199: unsaid,
};
