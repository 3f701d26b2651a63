// Runs once, on an empty volume, as the root user: a user for each client, with rights on its own database alone.
const admin = db.getSiblingDB('admin');
const rights = {
  ditto: [{role: 'readWrite', db: 'ditto'}, {role: 'dbAdmin', db: 'ditto'}],
  hono: [{role: 'readWrite', db: 'hono'}, {role: 'dbAdmin', db: 'hono'}],
  backup: [{role: 'backup', db: 'admin'}, {role: 'restore', db: 'admin'}],
};
for (const [user, roles] of Object.entries(rights)) {
  const pwd = require('fs').readFileSync(`/etc/racktwin/users/${user}`, 'utf8').trim();
  admin.createUser({user, pwd, roles});
}
