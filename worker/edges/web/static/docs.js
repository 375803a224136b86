window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#api",
    deepLinking: true,
    validatorUrl: null,
    defaultModelsExpandDepth: 2,
    docExpansion: "full",
    tryItOutEnabled: true,
    presets: [SwaggerUIBundle.presets.apis],
  });
});
