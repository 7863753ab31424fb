// A NestJS microservice on its gRPC transport: a controller, no guards, pipes or interceptors.
import 'reflect-metadata';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, Transport } from '@nestjs/microservices';
import { sayReady } from './listening.mjs';

class EchoController {
  echo({ text }) {
    return { text };
  }
}
// Decorators, as their compiled form calls them.
const descriptor = Object.getOwnPropertyDescriptor(EchoController.prototype, 'echo');
GrpcMethod('EchoService', 'Echo')(EchoController.prototype, 'echo', descriptor);
Controller()(EchoController);

class EchoModule {}
Module({ controllers: [EchoController] })(EchoModule);

const port = await freePort();
const folder = (path) => fileURLToPath(new URL(path, import.meta.url));
const app = await NestFactory.createMicroservice(EchoModule, {
  transport: Transport.GRPC,
  logger: ['error', 'fatal'],
  options: {
    package: 'bench.v1',
    protoPath: 'bench/v1/echo_service.proto',
    url: `127.0.0.1:${port}`,
    loader: {
      includeDirs: ['../../bench/proto', '../../proto', '../../node_modules/google-proto-files', '../proto'].map(
        folder,
      ),
    },
  },
});
await app.listen();
sayReady(port);

/** Nest does not say which port it has been given. */
function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: found } = probe.address();
      probe.close(() => resolve(found));
    });
  });
}
