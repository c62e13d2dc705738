// Calls firebase-admin as told on standard input: {"emulator": URL, "calls": [[METHOD, ...], ...]};
// prints the results as a JSON list, {"value": ...} or {"error": {"code", "message"}}. The call
// "fault" replaces the emulator's faults. Credentials come from the environment.
'use strict';

const fs = require('fs');
const {initializeApp} = require('firebase-admin/app');
const {getMessaging} = require('firebase-admin/messaging');

// JSON has no dates.
function revive(key, value) {
  return key === 'eventTimestamp' ? new Date(value) : value;
}

// With the code and the words of each error; some of their own toJSON fail.
function plain(value) {
  if (value instanceof Error) return {code: value.code, message: value.message};
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

async function setFaults(emulator, faults) {
  const answer = await fetch(`${emulator}/_emulator/faults`, {
    method: 'PUT',
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify(faults),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

async function main() {
  const told = JSON.parse(fs.readFileSync(0, 'utf8'), revive);
  const messaging = getMessaging(initializeApp());
  const results = [];
  for (const [method, ...parameters] of told.calls) {
    try {
      const value = method === 'fault'
        ? await setFaults(told.emulator, ...parameters)
        : await messaging[method](...parameters);
      results.push({value});
    } catch (error) {
      results.push({error});
    }
  }
  fs.writeFileSync(1, JSON.stringify(plain(results)));
}

main().then(() => process.exit(0));
