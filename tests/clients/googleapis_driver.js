// Google's generated client of the FCM API, called as told on standard input, a JSON list of
// requests to messages.send; prints a list of {"name"} or {"status", "code"}.
'use strict';

const fs = require('fs');
const {auth, fcm} = require('@googleapis/fcm');

async function main() {
  const client = fcm({
    version: 'v1',
    auth: new auth.GoogleAuth({scopes: ['https://www.googleapis.com/auth/firebase.messaging']}),
  });
  const parent = `projects/${process.env.GOOGLE_CLOUD_PROJECT}`;
  const results = [];
  for (const requestBody of JSON.parse(fs.readFileSync(0, 'utf8'))) {
    try {
      const answer = await client.projects.messages.send({parent, requestBody});
      results.push({name: answer.data.name});
    } catch (error) {
      const told = error.response.data.error;
      const detail = (told.details || []).find((one) => one['@type'].endsWith('.FcmError'));
      results.push({status: error.response.status, code: detail && detail.errorCode});
    }
  }
  fs.writeFileSync(1, JSON.stringify(results));
}

main();
