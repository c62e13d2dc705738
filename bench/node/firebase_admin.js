'use strict';

// node firebase_admin.js MESSAGE_FILE MESSAGES CONNECTIONS: sends by sendEach, in batches of 500 as
// its documentation asks, so many at once (each call opens a connection of its own). Prints how
// many were accepted. Credentials come from the environment.
const fs = require('fs');
const {initializeApp} = require('firebase-admin/app');
const {getMessaging} = require('firebase-admin/messaging');
const {madeUpToken} = require('./tokens');

const [file, count, connections] = process.argv.slice(2);
const {token, ...message} = JSON.parse(fs.readFileSync(file, 'utf8')).message;
const messages = Number(count);
const messaging = getMessaging(initializeApp());
let next = 0;
let accepted = 0;

async function sendBatches() {
  while (next < messages) {
    const batch = [];
    for (; batch.length < 500 && next < messages; ++next) {
      batch.push({...message, token: madeUpToken(next)});
    }
    const {responses} = await messaging.sendEach(batch);
    for (const response of responses) accepted += response.success ? 1 : 0;
  }
}

Promise.all(Array.from({length: Number(connections)}, sendBatches)).then(() => {
  console.log(JSON.stringify({accepted}));
  process.exit(0);
});
