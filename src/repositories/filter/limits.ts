/** The length of a filter in UTF-16 code units, as JavaScript counts. */
export const FILTER_LENGTH_MAX = 4_096;

/** Parentheses inside each other. */
export const FILTER_DEPTH_MAX = 16;

/** Comparisons of one filter. */
export const FILTER_TERMS_MAX = 64;

/** Names of one path, separated by dots. */
export const PATH_NAMES_MAX = 32;

/** Wildcards of one text. */
export const WILDCARDS_MAX = 4;
