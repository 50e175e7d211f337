// A node-opcua server for the tests: three variables with history that change when told to (a line on standard input),
// every security policy, its own certificate in FOLDER. usage: node moving_node.js PORT FOLDER
const path = require("path");
const readline = require("readline");
const { OPCUAServer, OPCUACertificateManager, DataType, StatusCodes, MessageSecurityMode, SecurityPolicy } = require("node-opcua");

(async () => {
  const port = Number(process.argv[2]);
  const folder = process.argv[3];
  const serverCertificateManager = new OPCUACertificateManager({
    rootFolder: path.join(folder, "pki"),
    automaticallyAcceptUnknownCertificate: true,
  });
  await serverCertificateManager.initialize();
  const server = new OPCUAServer({
    port,
    hostname: "127.0.0.1",
    resourcePath: "/moving",
    serverCertificateManager,
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [
      SecurityPolicy.None,
      SecurityPolicy.Basic256Sha256,
      SecurityPolicy.Aes128_Sha256_RsaOaep,
      SecurityPolicy.Aes256_Sha256_RsaPss,
    ],
    buildInfo: { productName: "moving node-opcua" },
  });
  await server.initialize();
  const addressSpace = server.engine.addressSpace;
  const own = addressSpace.getOwnNamespace();
  const unit = own.addObject({ organizedBy: addressSpace.rootFolder.objects, browseName: "BR-2001" });
  const variables = ["TEMP", "PH", "DO"].map((name) => {
    const made = own.addVariable({
      componentOf: unit,
      browseName: name,
      nodeId: `s=BR-2001.${name}`,
      dataType: "Double",
      minimumSamplingInterval: 0,
    });
    addressSpace.installHistoricalDataNode(made, { maxOnlineValues: 100000 });
    return made;
  });
  let turn = 0;
  const move = () => {
    turn += 1;
    for (const [place, variable] of variables.entries()) {
      variable.setValueFromSource({ dataType: DataType.Double, value: turn + place / 10 }, StatusCodes.Good, new Date());
    }
  };
  for (let i = 0; i < 5; i += 1) {
    move();
    await new Promise((done) => setTimeout(done, 5));
  }
  await server.start();
  console.log(`ready ${server.endpoints[0].endpointDescriptions()[0].endpointUrl} ${server.certificateFile}`);
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", () => {
    move();
    console.log("done");
  });
  lines.on("close", async () => {
    await server.shutdown(100);
    process.exit(0);
  });
})();
