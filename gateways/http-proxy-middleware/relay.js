// The relay of http-proxy-middleware's README: one route of an Express server.
const express = require('express');
const { createProxyMiddleware } = require('http-proxy-middleware');

const [host, port] = process.argv[2].split(':');
const app = express();
app.use('/v1', createProxyMiddleware({ target: process.env.OPENAI_BASE_URL, changeOrigin: true }));
app.listen(Number(port), host);
