// A receiver as Standard Webhooks' own library for JavaScript makes one: 204 for what it verifies, 401 for the rest.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(process.argv[2] + "/");
const { Webhook } = require("standardwebhooks");
const webhook = new Webhook(process.argv[3]);

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    let status = 204;
    try {
      webhook.verify(Buffer.concat(parts).toString("utf8"), request.headers);
    } catch (error) {
      status = 401;
    }
    response.writeHead(status).end();
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
