export default {
  needed: "Necesitas un enlace",
  unknown: "Este enlace no lleva a ninguna parte",
  expired: "Este enlace ha caducado",
  revoked: "Este enlace está cerrado",
  showsOnly: "Este enlace es solo para mirar",
  locked: "¿Cuál es la contraseña?",
  away: "Volvemos enseguida",
  offline: "Sin conexión",
  password: "Contraseña",
  show: "Mostrar",
  hide: "Ocultar",
  enter: "Continuar",
  checking: "Comprobando…",
  enterIn: "Reintentar en {time}",
  enterNow: "Ya puedes intentarlo otra vez.",
  tryAgain: "Reintentar",
  language: "Idioma",
  errors: {
    link_needed: "Abre el enlace o escanea el código que te dieron tus anfitriones.",
    link_unknown:
      "Quizá se perdió un trozo por el camino. Ábrelo otra vez desde el mensaje o el código, o pide uno nuevo a tus anfitriones.",
    link_expired:
      "Su tiempo terminó. Lo que ya llegó está a salvo. ¿Tienes más? Tus anfitriones pueden darte un enlace nuevo.",
    link_revoked:
      "Tus anfitriones lo han cerrado. Lo que ya llegó está a salvo. ¿Tienes más? Pueden darte un enlace nuevo.",
    link_no_upload:
      "Tus anfitriones no han permitido subir fotos. Pídeles que lo activen para este enlace.",
    password_required: "Venía con el enlace; si no, pídela a tus anfitriones.",
    password_wrong: "No es esa. Fíjate en las mayúsculas e inténtalo otra vez.",
    rate_limited: "Han sido demasiados intentos. Espera un momento.",
    cookies:
      "Es correcta, pero tu navegador no la recuerda. Permite las cookies e inténtalo otra vez.",
    offline: "Revisa tu conexión. Esta página sigue intentándolo sola.",
    internal:
      "Ahora no se puede llegar al servidor de tus anfitriones. Esta página sigue intentándolo sola.",
  },
};
