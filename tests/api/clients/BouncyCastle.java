// A subscriber's CMP tool on Bouncy Castle, for test_cmp_clients.py: asks for a certificate with reference and authorisation code and
// says what came back, a line each. It shares no code with OpenSSL, which both the RA and `openssl cmp` use.
//
//   BouncyCastle url=… trust=root.pem ref=… secret=… body=ir|cr confirm=explicit|implicit key=ec|rsa owf=sha1|sha256 count=1000

import java.io.FileInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.URL;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.spec.ECGenParameterSpec;
import java.util.Arrays;
import java.util.Date;
import java.util.HashMap;
import java.util.Map;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.cmp.CMPObjectIdentifiers;
import org.bouncycastle.asn1.cmp.CertRepMessage;
import org.bouncycastle.asn1.cmp.CertResponse;
import org.bouncycastle.asn1.cmp.ErrorMsgContent;
import org.bouncycastle.asn1.cmp.InfoTypeAndValue;
import org.bouncycastle.asn1.cmp.PBMParameter;
import org.bouncycastle.asn1.cmp.PKIBody;
import org.bouncycastle.asn1.crmf.CertReqMessages;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.oiw.OIWObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.cmp.CertificateConfirmationContentBuilder;
import org.bouncycastle.cert.cmp.GeneralPKIMessage;
import org.bouncycastle.cert.cmp.ProtectedPKIMessage;
import org.bouncycastle.cert.cmp.ProtectedPKIMessageBuilder;
import org.bouncycastle.cert.crmf.PKMACBuilder;
import org.bouncycastle.cert.crmf.jcajce.JcaCertificateRequestMessageBuilder;
import org.bouncycastle.cert.crmf.jcajce.JcePKMACValuesCalculator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;

public final class BouncyCastle {
    private static final SecureRandom RANDOM = new SecureRandom();
    private final Map<String, String> options = new HashMap<>();
    private final byte[] transaction = nonce();
    private byte[] nonce;

    private static byte[] nonce() {
        byte[] bytes = new byte[16];
        RANDOM.nextBytes(bytes);
        return bytes;
    }

    private PKMACBuilder mac() throws Exception {
        boolean isOld = options.get("owf").equals("sha1");
        PBMParameter parameters = new PBMParameter(nonce(),
            new AlgorithmIdentifier(isOld ? OIWObjectIdentifiers.idSHA1 : NISTObjectIdentifiers.id_sha256), Integer.parseInt(options.get("count")),
            new AlgorithmIdentifier(isOld ? PKCSObjectIdentifiers.id_hmacWithSHA1 : PKCSObjectIdentifiers.id_hmacWithSHA256, DERNull.INSTANCE));
        return new PKMACBuilder(new JcePKMACValuesCalculator()).setParameters(parameters);
    }

    private ProtectedPKIMessageBuilder message(PKIBody body) {
        nonce = nonce();
        return new ProtectedPKIMessageBuilder(new GeneralName(new X500Name(new RDN[0])), new GeneralName(new X500Name("CN=ra")))
            .setTransactionID(transaction).setSenderNonce(nonce).setSenderKID(options.get("ref").getBytes()).setMessageTime(new Date()).setBody(body);
    }

    private HttpsURLConnection connect() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (InputStream file = new FileInputStream(options.get("trust"))) {
            store.setCertificateEntry("root", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        HttpsURLConnection connection = (HttpsURLConnection) new URL(options.get("url")).openConnection();
        connection.setSSLSocketFactory(context.getSocketFactory());
        connection.setDoOutput(true);
        connection.setRequestProperty("Content-Type", "application/pkixcmp");
        return connection;
    }

    /** Sends it protected, and verifies what comes back: its MAC, its nonce. */
    private ProtectedPKIMessage ask(ProtectedPKIMessageBuilder builder) throws Exception {
        char[] secret = options.get("secret").toCharArray();
        HttpsURLConnection connection = connect();
        try (OutputStream out = connection.getOutputStream()) {
            out.write(builder.build(mac().build(secret)).toASN1Structure().getEncoded());
        }
        ProtectedPKIMessage answer = new ProtectedPKIMessage(new GeneralPKIMessage(connection.getInputStream().readAllBytes()));
        System.out.println("body " + answer.getBody().getType());
        System.out.println("mac " + answer.verify(new PKMACBuilder(new JcePKMACValuesCalculator()), secret));
        System.out.println("nonce " + Arrays.equals(nonce, answer.getHeader().getRecipNonce().getOctets()));
        if (answer.getBody().getType() == PKIBody.TYPE_ERROR) {
            System.out.println("error " + ErrorMsgContent.getInstance(answer.getBody().getContent()).getPKIStatusInfo().getFailInfo());
            System.exit(1);
        }
        return answer;
    }

    private KeyPair makeKey() throws Exception {
        boolean isRsa = options.get("key").equals("rsa");
        KeyPairGenerator generator = KeyPairGenerator.getInstance(isRsa ? "RSA" : "EC");
        if (isRsa) {
            generator.initialize(2048);
        } else {
            generator.initialize(new ECGenParameterSpec("secp256r1"));
        }
        return generator.generateKeyPair();
    }

    private PKIBody request(KeyPair key) throws Exception {
        ContentSigner possession = new JcaContentSignerBuilder(options.get("key").equals("rsa") ? "SHA256withRSA" : "SHA256withECDSA").build(key.getPrivate());
        CertReqMessages requests = new CertReqMessages(new JcaCertificateRequestMessageBuilder(BigInteger.ZERO).setPublicKey(key.getPublic())
            .setSubject(new X500Name("CN=any")).setProofOfPossessionSigningKeySigner(possession).build().toASN1Structure());
        return new PKIBody(options.get("body").equals("ir") ? PKIBody.TYPE_INIT_REQ : PKIBody.TYPE_CERT_REQ, requests);
    }

    private X509CertificateHolder certificate(ProtectedPKIMessage answer, KeyPair key) throws Exception {
        CertResponse response = CertRepMessage.getInstance(answer.getBody().getContent()).getResponse()[0];
        System.out.println("status " + response.getStatus().getStatus());
        X509CertificateHolder certificate = new X509CertificateHolder(response.getCertifiedKeyPair().getCertOrEncCert().getCertificate().getX509v3PKCert());
        System.out.println("key " + Arrays.equals(certificate.getSubjectPublicKeyInfo().getEncoded(), key.getPublic().getEncoded()));
        System.out.println("serial " + certificate.getSerialNumber().toString(16).toUpperCase());
        return certificate;
    }

    private void run() throws Exception {
        KeyPair key = makeKey();
        boolean isImplicit = options.get("confirm").equals("implicit");
        ProtectedPKIMessageBuilder first = message(request(key));
        if (isImplicit) {
            first.addGeneralInfo(new InfoTypeAndValue(CMPObjectIdentifiers.it_implicitConfirm, DERNull.INSTANCE));
        }
        ProtectedPKIMessage answer = ask(first);
        X509CertificateHolder certificate = certificate(answer, key);
        if (!isImplicit) {
            PKIBody confirmation = new PKIBody(PKIBody.TYPE_CERT_CONFIRM, new CertificateConfirmationContentBuilder()
                .addAcceptedCertificate(certificate, BigInteger.ZERO).build(new JcaDigestCalculatorProviderBuilder().build()).toASN1Structure());
            ask(message(confirmation).setRecipNonce(answer.getHeader().getSenderNonce().getOctets()));
        }
    }

    public static void main(String[] words) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        BouncyCastle tool = new BouncyCastle();
        for (String word : words) {
            tool.options.put(word.substring(0, word.indexOf('=')), word.substring(word.indexOf('=') + 1));
        }
        tool.run();
    }
}
