// Modules that TypeScript does not know by itself.
/// <reference types="vite/client" />
