// One sendMulticast of fcm-v1-http2 as told on standard input, {"message": ..., "tokens": [...]};
// prints {"unregistered": [...]} or {"error": {"code", "message"}}, as its caller learns it.
'use strict';

const fs = require('fs');
const Client = require('fcm-v1-http2');

const told = JSON.parse(fs.readFileSync(0, 'utf8'));
const serviceAccount =
  JSON.parse(fs.readFileSync(process.env.GOOGLE_APPLICATION_CREDENTIALS, 'utf8'));

function end(result) {
  fs.writeFileSync(3, JSON.stringify(result)); // It logs to standard output.
  process.exit(0);
}

new Client({serviceAccount}).sendMulticast(told.message, told.tokens).then(
  (unregistered) => end({unregistered}),
  (error) => end({error: {code: error.code, status: error.status, message: error.message}}));
