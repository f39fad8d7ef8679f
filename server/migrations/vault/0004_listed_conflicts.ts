/** So that a vault with very many conflicts, open or resolved, lists some of them and finds the newest without reading all. */
export const up: readonly string[] = [
  `CREATE INDEX conflicts_listed ON conflicts (state, id)`,
  `CREATE INDEX conflicts_detected ON conflicts (detected_at)`,
];
