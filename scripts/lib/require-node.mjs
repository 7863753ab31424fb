// Ends the process with a sentence where Node is too old. Written in words that an old Node can still read, and imported
// before anything else.
var found = process.versions.node.split('.').map(Number);
if (found[0] < 20 || (found[0] === 20 && found[1] < 19)) {
  console.error(
    'Keelson needs Node.js 20.19 or newer, and this is ' +
      process.versions.node +
      '. Install a newer one from https://nodejs.org',
  );
  process.exit(1);
}
