'use strict';

// node fcm_v1_http2.js MESSAGE_FILE MESSAGES CONNECTIONS: sends by sendMulticast, which opens the
// connections for each call, so it is called with thousands of registrations at once. Prints how
// many were accepted: all that it did not find dead, since it throws at anything else.
const fs = require('fs');
const Client = require('fcm-v1-http2');
const {madeUpToken} = require('./tokens');

const [file, count, connections] = process.argv.slice(2);
const {token, ...message} = JSON.parse(fs.readFileSync(file, 'utf8')).message;
const messages = Number(count);
const client = new Client({
  serviceAccount: JSON.parse(fs.readFileSync(process.env.GOOGLE_APPLICATION_CREDENTIALS, 'utf8')),
  maxConcurrentConnections: Number(connections),
});

async function main() {
  let accepted = 0;
  for (let next = 0; next < messages;) {
    const tokens = [];
    for (; tokens.length < 5000 && next < messages; ++next) tokens.push(madeUpToken(next));
    const dead = await client.sendMulticast(message, tokens);
    accepted += tokens.length - dead.length;
  }
  console.log(JSON.stringify({accepted}));
  process.exit(0);
}

main();
