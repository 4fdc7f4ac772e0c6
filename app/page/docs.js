/** The OpenAPI document, to read and to try out. */
window.SwaggerUIBundle({ url: "v1/openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null });
