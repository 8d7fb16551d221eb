export * from 'portcullis/worker';
export { default } from 'portcullis/worker';
