// node --test: the shop against the emulator.
import assert from 'node:assert/strict';
import {after, before, beforeEach, test} from 'node:test';

import {Emulator} from './emulator.mjs';
import {Shop} from './shop.mjs';

let emulator;
let shop;

before(async () => {
  emulator = await Emulator.start();
  shop = new Shop({project: 'demo', accessToken: async () => 'owner', fcm: emulator.url});
});
after(() => emulator.stop());
beforeEach(() => emulator.faults());

test('the customer sees where the order is', async () => {
  const phone = await emulator.newPhone();
  assert.equal(await shop.orderShipped(phone, '4711'), true);
  const [delivery] = await emulator.inbox(phone);
  assert.equal(delivery.shown.title, 'Your order is on its way');
  assert.deepEqual(delivery.data, {order: '4711'});
});

test('a registration that is dead may be deleted', async () => {
  const phone = await emulator.newPhone();
  await emulator.act(phone, 'expire');
  assert.equal(await shop.orderShipped(phone, '4711'), false);
});

test('nobody is forgotten when the project is at fault', async () => {
  const phone = await emulator.newPhone();
  await emulator.faults({fault: 'project_not_found'});
  await assert.rejects(shop.orderShipped(phone, '4711'), /FCM answered 404/);
});
