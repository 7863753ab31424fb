/** Pieces that have broken clients and servers: half characters, control characters, escapes, what headers cut at. */
const PIECES = [
  '\0',
  '\r\n',
  '\t',
  '\x7f',
  '%',
  '%41',
  '%zz',
  '%F0%9F',
  '\ud83d',
  '\ude00',
  '😀',
  'é',
  '\u2028',
  '\ufeff',
  '\uffff',
  ' ',
  ',',
  ';',
  '"',
  '\\',
  '{}',
  'grpc-status: 0\r\n',
  'a',
  'words',
] as const;

const PIECES_MAX = 40;
const LONG_CHARS = 64 * 1024;

/** Makes a text that no code may stumble over; one in 200 is 64 KiB long. `random` gives numbers from 0 to 1. */
export function nastyText(random: () => number): string {
  const pick = () => PIECES[Math.floor(random() * PIECES.length)] ?? '';
  const text = Array.from({ length: Math.floor(random() * PIECES_MAX) }, pick).join('');
  return random() < 1 / 200 ? `${text}${pick().repeat(LONG_CHARS)}`.slice(0, LONG_CHARS) : text;
}
